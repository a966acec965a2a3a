"""Credentials on disk, and how a server gets them."""

from danelaw.adapters.deploy.credentials import DirectoryCredentials
from danelaw.adapters.deploy.directory import DirectoryDeployer

__all__ = ["DirectoryCredentials", "DirectoryDeployer"]
