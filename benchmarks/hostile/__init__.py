"""Callers and files that mean harm: what does each cost the server, and what those who call it meanwhile?"""
