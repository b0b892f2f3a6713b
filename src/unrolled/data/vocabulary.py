"""Words and voices of the spoken data: everyday words to learn from, minimal pairs to be tested on, and who says them."""

from __future__ import annotations

# Words that differ in their beginning or their end only; near is to fear as name is to fame. None of them is ever learned from.
MINIMAL_PAIRS = {
    "near": "near fear year tear dear gear clear", "name": "name fame game same came tame lame shame",
    "night": "night fight light might right sight tight white", "nine": "nine fine line mine wine pine sign",
    "nail": "nail fail mail sail tail rail", "need": "need feed lead weed seed", "note": "note boat coat goat vote",
    "fun": "fun run sun gun won", "fan": "fan can ran man tan", "fell": "fell bell sell tell well", "new": "new few",
    "never": "never ever clever", "house": "house mouse",
}
OTHERS = "president government university students morning yesterday hundred company"
TEST_WORDS = tuple(dict.fromkeys(" ".join([*MINIMAL_PAIRS.values(), OTHERS]).split()))

VALIDATION_WORDS = tuple("""
bake cake lake shake dark mark shark bark bold cold fold gold bring king ring wing ground pound round sound drink pink sink think
basket ticket pocket rocket bitter butter better letter daily gently finally hospital telephone umbrella
""".split())

TRAINING_WORDS = tuple(dict.fromkeys(word for word in """
able about above accept across act action actor add address adult afraid africa after again against age agree air airport alarm album
alive all allow almost alone along already also always amazing among ancient angry animal ankle answer ant any apartment apple april area
argue arm army around arrive art artist ask asleep attack attempt august aunt author autumn average avoid awake away baby back bad bag
balance balcony ball banana band bank bar bath battle beach bean bear beard beat beautiful bed bee beef before begin behind believe belt
bench berry beside big bird birthday bite black blanket blind block blood blow blue board body bomb bone book boot border boring borrow
boss bottle bottom bowl box boy brain branch brave bread break breakfast breathe brick bridge bright broken brother brown brush bucket
budget build bus bush business busy button buy cabin camera camp candle cap capital captain car card care carpet carrot carry castle cat
catch cause ceiling center chain chair chance change chapter cheap check cheese chicken chief child chocolate choose church circle city
class clean climb clock close cloth cloud coffee coin collar college color comb come concert cook copper copy corner cotton cough count
country couple course court cousin cover cow crazy cream crowd crown cry culture cup curtain cut cycle damage dance danger daughter day
decide deep deer degree delay dentist desert desk develop devil diary dictionary dinner direct dirty doctor dog dollar donkey door double
down dozen drama draw dream dress drive drop drum dry duck dust duty each eagle early earth east easy eat echo edge effort egg eight
either elbow electric elephant empty end enemy energy engine enjoy enough enter equal escape evening every evil exact example excuse
expect explain eye face fact factory family famous farm fashion fast fat father favorite february fence festival fever field fifteen
figure film finger finish fire first fish five flag flame flat flight float floor flower fly fog follow food fool foot forest forget fork
forty forward four fox frame free fresh friday friend frog from front fruit full funny fur future garage garden gas gate general gentle
ghost giant gift giraffe girl give glad glass glove glue goal good grandmother grape grass gray great green grow guard guess guest guide
guitar habit hair half hall hammer hand happen happy harbor hard hat have head health heart heat heavy height help hero high hill history
hobby hold hole holiday holy home honest honey hope horse hot hotel hour hungry hunter hurry hurt husband ice idea image important inch
income industry insect inside iron island jacket jam january jazz jewel job join joke journey joy judge juice july jump june jungle just
keep kettle key kick kid kitchen knee knife knock know ladder lady lamp language large last laugh law lazy leaf learn leather leave left
leg lemon lesson level library lid life lift lion lip liquid list listen little live local lock london long look lose loud love low lucky
lunch machine magic make manage many map march market marry master match matter maybe meal measure meat medicine meet member memory
message metal method middle midnight milk million minute mirror miss mix model modern monday money monkey month moon mother motor mountain
mouth move movie much mud museum music narrow nation nature neck neighbor nephew nerve nest news next noise noon north nose nothing
notice novel now number nurse object ocean october offer office often oil old olive onion only open opinion orange order other over owner
oxygen page pain paint pair palace paper parent park party pass past path patient pattern pay peace pencil people pepper perfect person
photo piano picture piece pig pilot pillow place plan planet plant plastic plate play please plenty poem poet point poison police polite
pool poor popular possible potato power practice present price prince prison prize problem promise proud public pull pupil purple push
puzzle queen question quick quiet rabbit radio rain reach read ready real reason red remember rent repeat report rest result return rice
rich ride river road rob robot rock roof room root rope rose rough royal rubber rule sad safe salad salt sand saturday sauce save school
science season second secret see send sense serious serve seven several shadow shape share sharp sheep shelf ship shirt shoe shop short
shoulder shout show shut sick side silence silver simple since sister sit six size skin skirt sky sleep slow small smell smile smoke
smooth snake snow soap social soft soldier some son song soon soup south space speak special spell spend spider spoon sport spring square
stand star start state station stay steel step stomach stone stop store storm story strange street string strong student study stupid
success such sudden sugar suit summer sunday supper sure surprise sweet swim sword system table take talk taste teacher team temple ten
tennis test thank that theater then thick thief thin thing third thirsty thousand three through throw thunder thursday tie tiger time
tiny tire title today together tomato tomorrow tongue tonight tooth top total touch tour toward towel tower town toy traffic train travel
tree trouble truck true trumpet trust try tuesday turn twelve twenty twin two type ugly uncle under unit until up use usual vacation
valley value vegetable very victory view village violin visit voice volcano wait walk wall war warm wash watch water wave weak wear
weather wednesday week weigh welcome west wet what wheel when where which whisper why wide wife wild will window winter wish witch with
woman wonder wood wool word work world worry write wrong yellow yes you young zebra zero zoo
""".split() if word not in TEST_WORDS and word not in VALIDATION_WORDS))

TRAINING_VOICES = tuple(f"en-us+{name}" for name in "m1 m3 m4 m6 m8 f1 f3 f4 Alex Alicia Annie Gene Henrique Jacky Lee".split())
VALIDATION_VOICES = tuple(f"en-us+{name}" for name in "Mario Michael Nguyen Reed adam belinda benjamin boris caleb linda".split())
TEST_VOICES = tuple(f"en-us+{name}" for name in
                    "m2 m5 m7 f2 f5 Andy Hugo Mike Marco Diogo aunty david ed grandma marcelo quincy robert shelby travis zac".split())


def halves(voices: tuple[str, ...]) -> dict[str, list[str]]:
    """Return who asks and who is asked about: the first and the second half of the voices."""
    middle = len(voices) // 2
    return {"query": list(voices[:middle]), "archive": list(voices[middle:])}
