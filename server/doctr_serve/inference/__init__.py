"""docTR's models and how pages go through them. Nothing here imports grpc."""
