"""Credentials on disk, and how servers get them."""

from danelaw.adapters.deploy.copied import HERE, CopyingDeployer, Way, by_ssh
from danelaw.adapters.deploy.credentials import DirectoryCredentials
from danelaw.adapters.deploy.directory import DirectoryDeployer
from danelaw.adapters.deploy.scripts import Owned
from danelaw.adapters.deploy.server import Server

__all__ = ["HERE", "CopyingDeployer", "DirectoryCredentials", "DirectoryDeployer", "Owned", "Server", "Way", "by_ssh"]
