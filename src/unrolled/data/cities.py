import json
def load(folder):
    return json.load(open(folder / "cities.json", encoding="utf-8"))
