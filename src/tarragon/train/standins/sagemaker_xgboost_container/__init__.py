"""Stand-in for the package of SageMaker's XGBoost image: what users' scripts import of it."""
