from .count_vectors import neighbour_counts as neighbour_counts
from .training import train_word_embeddings as train_word_embeddings
from .word2vec import WordEmbeddingConfig as WordEmbeddingConfig
from .word2vec import WordEmbeddings as WordEmbeddings
from .word_windows import WordWindows as WordWindows
from .word_windows import keep_probabilities as keep_probabilities
from .word_windows import noise_distribution as noise_distribution
from .word_windows import skip_gram_pairs as skip_gram_pairs
