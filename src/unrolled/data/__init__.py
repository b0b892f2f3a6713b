"""Data sets: where they come from, how they are frozen, and the explicit table of them."""

from unrolled.data.base import DataSet
from unrolled.data.cities import Cities
from unrolled.data.digits import Digits, SmallDigits
from unrolled.data.english_chinese import EnglishChinese
from unrolled.data.reviews import Reviews
from unrolled.data.shakespeare import Shakespeare
from unrolled.data.slots import Slots
from unrolled.data.spoken_archive import SpokenArchive
from unrolled.data.spoken_digits import SpokenDigits
from unrolled.data.spoken_mandarin import SpokenMandarin
from unrolled.data.spoken_words import SpokenWords
from unrolled.data.tweets import Tweets

DATA_SETS: dict[str, type[DataSet]] = {
    "slots": Slots,
    "digits": Digits,
    "small_digits": SmallDigits,
    "cities": Cities,
    "shakespeare": Shakespeare,
    "english_chinese": EnglishChinese,
    "reviews": Reviews,
    "tweets": Tweets,
    "spoken_words": SpokenWords,
    "spoken_digits": SpokenDigits,
    "spoken_mandarin": SpokenMandarin,
    "spoken_archive": SpokenArchive,
}
