"""The English words that are spoken: everyday ones to train on, and rhyming ones, never trained on, to test with; and more of these.

No word sounds like another of any list, and none is read in two ways; a test of this repository asks espeak-ng for the phonemes of all.
"""

from __future__ import annotations

# Most differ in their first sound alone (near, fear; name, fame): they are hard to tell apart, and their differences can be compared.
RHYMES: dict[str, tuple[str, ...]] = {
    "ear": ("near", "fear", "year", "dear", "gear", "clear"),
    "ame": ("name", "fame", "game", "same", "came", "shame"),
    "ight": ("night", "fight", "light", "might", "right", "sight", "tight", "white"),
    "ine": ("nine", "fine", "line", "mine", "wine", "pine"),
    "ail": ("nail", "fail", "mail", "sail", "rail", "tail"),
    "eed": ("need", "feed", "seed", "weed"),
    "oat": ("note", "vote", "boat", "coat", "goat"),
    "un": ("run", "fun", "sun", "gun"),
    "an": ("can", "fan", "man", "ran", "tan", "van"),
    "ell": ("bell", "fell", "sell", "tell", "well"),
    "ake": ("cake", "lake", "make", "shake", "take"),
    "ever": ("never", "ever", "clever"),
    "ew": ("new", "few"),
    "ouse": ("house", "mouse"),
    "others": ("president", "government", "university", "students", "morning", "yesterday", "hundred", "company"),
}
TEST = tuple(word for words in RHYMES.values() for word in words)

# Further lists of the same make: as many words in families that rhyme, each family within one list, and as many longer ones.
_FURTHER: dict[str, dict[str, str]] = {
    "further_1": {
        "et": "bet get jet let met net pet set", "eal": "deal feel heel seal wheel peel", "ill": "bill fill mill pill till chill",
        "ore": "more core sore roar bore war", "ound": "sound found pound hound mound bound", "ay": "bay hay lay may ray way",
        "ock": "lock sock dock knock shock", "ust": "dust just must rust trust", "ace": "race lace case base chase",
        "ap": "map cap gap tap", "oad": "road load code toad", "uther": "mother brother other", "oy": "boy toy", "ool": "pool tool",
        "others": "family history problem question industry television capital machine",
    },
    "further_2": {
        "eat": "beat feet heat neat seat sheet wheat cheat", "ain": "lane main pain gain chain vein",
        "est": "best nest rest test guest vest", "ole": "hole pole roll coal goal mole", "ack": "pack sack lack rack jack tack",
        "y": "buy die guy lie tie sigh", "all": "ball fall hall tall call", "ug": "bug hug jug mug rug", "id": "bid did hid kid lid",
        "ook": "book look took hook", "ark": "park mark bark shark", "unny": "bunny money sunny", "irst": "first worst", "own": "town down",
        "others": "children society policy computer information education community minister",
    },
    "further_3": {
        "it": "bit fit hit kit pit wit knit lit", "ate": "date fate mate rate bait state", "ent": "went rent cent tent bent dent",
        "ide": "side tide guide bride slide pride", "op": "hop mop top shop pop chop", "one": "phone tone zone loan cone throne",
        "ought": "bought caught taught fought thought", "ean": "mean queen scene lean teen", "um": "gum hum sum come numb",
        "ad": "dad mad lad pad", "urse": "nurse purse verse curse", "able": "cable fable able", "oot": "boot suit", "ar": "car jar",
        "others": "teacher opinion position interest department military experience property",
    },
    "further_4": {
        "ade": "fade made shade paid jade raid trade blade", "ip": "dip tip ship chip rip zip", "ed": "red led fed said shed wed",
        "ot": "hot lot dot rot shot knot", "ice": "nice mice price dice slice twice", "ow": "go low show foe though blow",
        "ut": "cut nut hut shut gut", "eep": "leap weep heap jeep peep", "aw": "law saw jaw raw paw", "ast": "past last cast vast",
        "art": "part cart dart chart", "atter": "matter batter chatter", "oon": "soon noon", "oil": "boil coil",
        "others": "member example reason attention article religion development political",
    },
}
FURTHER = {name: tuple(word for words in families.values() for word in words.split()) for name, families in _FURTHER.items()}

_TOPICS: dict[str, str] = {
    "places": """airport bank bridge castle church city college factory farm hospital hotel library market museum office palace prison
        school station street village""",
    "home": """apartment attic balcony basket bath bed bedroom blanket bottle bowl box broom bucket cabin candle carpet ceiling chair
        chimney clock corner couch cup curtain cushion desk dish door drawer fence floor fork furniture garage garden gate glass hammer
        handle kitchen knife ladder lamp mirror needle oven pan paper pillow pipe plate pocket pot rope room scissors shelf shower
        soap sofa spoon stairs stove string table towel tray umbrella wall window wire""",
    "food": """apple banana bean beef biscuit bread breakfast butter cabbage carrot cheese cherry chicken chocolate coffee cookie
        corn cream dinner egg fish flour fruit garlic grape ham honey juice lemon lunch meal milk mushroom oil olive onion
        orange pepper pie pork potato pudding rice salad salt sandwich sauce soup sugar supper tea tomato water""",
    "animals": """animal ant bear bee bird bull butterfly camel cat cattle chick cow crab crow dog donkey dragon duck eagle
        elephant fox frog goose hen horse insect kitten lamb lion lizard monkey mosquito owl ox penguin pig
        pigeon pony puppy rabbit rat sheep snake spider squirrel swan tiger turkey turtle whale wolf worm zebra""",
    "nature": """air autumn beach blossom branch cave cliff cloud coast earth east field fire flame flood fog forest frost
        grass hill ice island jungle leaf lightning moon mountain mud north ocean planet rain rainbow river rock root sand sea shadow
        shore sky smoke snow soil south spring star stone storm stream summer sunset thunder tree valley waterfall wave weather
        west winter wood world""",
    "body": """ankle arm back beard blood body bone brain chest chin ear elbow eye face finger foot forehead hair hand head heart hip knee
        leg lip lung mouth muscle neck nose shoulder skin stomach throat thumb toe tongue tooth voice wrist""",
    "time": """afternoon april august birthday century december decade evening february friday holiday hour january july june
        march midnight moment monday month november october saturday season second september sunday thursday today
        tomorrow tonight tuesday week wednesday""",
    "numbers": """billion double eight eleven fifty five forty four half million one seven single six ten thirty thousand three twelve
        twenty two zero""",
    "qualities": """ancient angry bad beautiful big bitter black blind blue bold brave bright broad broken brown busy cheap clean cold
        common cruel curious dangerous dark deep different dirty dry dull early easy empty equal false famous fast fat fresh
        friendly full funny gentle glad golden good great green happy hard heavy high honest hungry important kind large
        late lazy long loose loud lovely lucky modern narrow nasty natural noble old open perfect plain pleasant polite poor proud
        public purple quick quiet rare ready rich rough round royal sad safe secret serious sharp short shy silent simple slow small
        smooth soft sour special square steady steep strange strong sudden sweet thick thin tiny tired ugly useful warm wet wide
        wild wise wooden wrong yellow young""",
    "doing": """accept agree answer arrive ask begin believe borrow build burn carry catch change choose climb collect cook cough count
        cross cry dance decide describe destroy discover dream drink drop eat enjoy enter escape expect explain find finish fly follow
        forget forgive give grow guess hang happen hate hear help hide hold hope hurry imagine invite join jump keep kick kiss know laugh
        learn leave listen lose love measure melt mention offer pay play pour promise protect pull push reach receive
        remember repeat return ride rise save say search send sing sit sleep smile speak spend stand start steal stop study
        swim teach thank think throw touch travel try turn understand visit wait walk want wash wear whisper win wish work worry""",
}
TOPICS = {topic: tuple(words.split()) for topic, words in _TOPICS.items()}
TRAINING = tuple(dict.fromkeys(word for words in TOPICS.values() for word in words))
