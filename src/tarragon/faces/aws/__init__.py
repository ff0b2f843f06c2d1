"""SageMaker's wire protocols, as a thin skin over the engine and the rooms."""
