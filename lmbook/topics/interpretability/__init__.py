"""Looking into a trained model: attention maps, attribution, probes, the residual stream, sparse autoencoders."""
