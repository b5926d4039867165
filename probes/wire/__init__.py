"""The only place that puts a frame on a wire: helper, client, gate, codecs, exchanges."""
