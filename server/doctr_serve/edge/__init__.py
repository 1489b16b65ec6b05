"""Envoy in front of the server: its configuration, its process, and both run as one."""
