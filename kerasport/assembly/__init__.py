"""From a canonical model to the graph."""
