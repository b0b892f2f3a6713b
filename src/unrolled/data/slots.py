import json
def load(folder):
    return {s: [json.loads(l) for l in open(folder / f"{s}.jsonl", encoding="utf-8")] for s in ("train", "validation", "test")}
