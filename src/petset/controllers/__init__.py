"""The controllers behind a StatefulSet. They use the client port only."""
