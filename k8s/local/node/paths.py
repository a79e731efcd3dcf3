"""Where the node's files are.

Two places. The cache (`$XDG_CACHE_HOME/health-streaming/node`) keeps what takes minutes to build, by version, and
outlives the node. The state (`state` below it, or `$HEALTH_NODE_STATE`) belongs to the running node and goes with it.
"""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
MANIFESTS = PACKAGE / "manifests"
GO_SOURCES = PACKAGE / "go"

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "health-streaming" / "node"
STATE = Path(os.environ.get("HEALTH_NODE_STATE") or CACHE / "state").resolve()

BIN = STATE / "bin"  # the programs by their names, links into the cache
LOGS = STATE / "logs"
PKI = STATE / "pki"
VAR = STATE / "var"  # what the node sees as /var
CONTAINERD = STATE / "containerd"
CONTAINERD_SOCKET = STATE / "containerd.sock"

LOADED = STATE / "loaded"  # a file for each image that came from buildah's store, with its id
KUBECONFIG = STATE / "kubeconfig"
NODE_RECORD = STATE / "node.json"  # which process is the node's first; see lifecycle.py
READY = STATE / "ready"
