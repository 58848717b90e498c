"""The network and the linear core, without any input or output."""
