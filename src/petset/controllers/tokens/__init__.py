"""Tokens in Secrets: what a Secret of type `kubernetes.io/service-account-token` is filled with, and when it goes."""
