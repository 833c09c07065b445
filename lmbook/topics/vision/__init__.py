"""Pictures and text: drawn scenes, a picture encoder, contrastive training (CLIP), captions, and retrieval."""
