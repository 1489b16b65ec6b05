"""What every room uses: stop signals, logs, addresses, native memory. Imports nothing of the rooms."""
