from .bpe_from_scratch import merge as merge
from .bpe_from_scratch import train_merges as train_merges
from .byte_pair import byte_characters as byte_characters
from .tokenizer import SPECIAL_TOKENS as SPECIAL_TOKENS
