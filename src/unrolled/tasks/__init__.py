"""The tasks, one file each, and the explicit table of them."""

from unrolled.tasks.adding import Adding
from unrolled.tasks.audio_words import AudioWords
from unrolled.tasks.base import Task
from unrolled.tasks.characters import Characters
from unrolled.tasks.digits import Digits
from unrolled.tasks.documents import Documents
from unrolled.tasks.lines import Lines
from unrolled.tasks.order_probe import OrderProbe
from unrolled.tasks.sentiment import Sentiment
from unrolled.tasks.sequence_generation import SequenceGeneration
from unrolled.tasks.slots import Slots
from unrolled.tasks.state_templates import StateTemplates
from unrolled.tasks.templates import Templates
from unrolled.tasks.temporal_order import TemporalOrder
from unrolled.tasks.timed_spikes import TimedSpikes
from unrolled.tasks.translation import Translation

TASKS: dict[str, type[Task]] = {
    "adding": Adding,
    "temporal_order": TemporalOrder,
    "digits": Digits,
    "slots": Slots,
    "templates": Templates,
    "state_templates": StateTemplates,
    "timed_spikes": TimedSpikes,
    "sequence_generation": SequenceGeneration,
    "characters": Characters,
    "translation": Translation,
    "lines": Lines,
    "sentiment": Sentiment,
    "order_probe": OrderProbe,
    "documents": Documents,
    "audio_words": AudioWords,
}
