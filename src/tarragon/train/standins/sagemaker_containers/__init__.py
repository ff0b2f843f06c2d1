"""Stand-in for the toolkit's older name; scripts import ``sagemaker_containers.beta.framework``."""
