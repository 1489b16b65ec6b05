"""The REST edge: a real Envoy with the shipped configuration, in front of real gRPC servers.

What the pages say is scripted (``support.rest_server``); ``test_rest.py`` beside this folder reads real ones.
A package, so that the fixtures of ``conftest.py`` with its scope live as long as its tests and no longer.
"""
