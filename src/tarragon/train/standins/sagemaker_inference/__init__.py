"""Stand-in for SageMaker's inference toolkit: content types, encoders and decoders, the default handler."""
