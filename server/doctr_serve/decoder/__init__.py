"""What runs beside hostile files, in a process of its own. Imports nothing of the server, no torch, no grpc."""
