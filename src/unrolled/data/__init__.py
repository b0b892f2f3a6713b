"""Data sets: where they come from, how they are frozen, and the explicit table of them."""

from unrolled.tables import Table

DATA_SETS = Table(__name__, {  # of classes derived from `base.DataSet`
    "slots": "slots.Slots",
    "digits": "digits.Digits",
    "small_digits": "digits.SmallDigits",
    "cities": "cities.Cities",
    "shakespeare": "shakespeare.Shakespeare",
    "english_chinese": "english_chinese.EnglishChinese",
    "reviews": "reviews.Reviews",
    "tweets": "tweets.Tweets",
    "spoken_words": "spoken_words.SpokenWords",
    "spoken_further_words": "spoken_further_words.SpokenFurtherWords",
    "spoken_digits": "spoken_digits.SpokenDigits",
    "spoken_mandarin": "spoken_mandarin.SpokenMandarin",
    "spoken_archive": "spoken_archive.SpokenArchive",
})
