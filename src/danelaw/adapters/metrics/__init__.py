"""Where Prometheus fetches what is measured: a file for the node exporter, or a port."""
