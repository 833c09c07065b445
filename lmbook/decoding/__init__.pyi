from .constraints import Automaton as Automaton
from .document import translate_lines as translate_lines
from .sampling import filter_logits as filter_logits
from .sampling import penalize as penalize
from .verse import LENGTHS as LENGTHS
from .verse import even_lines as even_lines
from .verse import form_of as form_of
from .verse import quatrain as quatrain
