"""AWS's protocols, driven by the service models that botocore ships: nothing here knows what an operation does."""
