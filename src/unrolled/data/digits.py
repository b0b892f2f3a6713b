from safetensors.numpy import load_file
def load(folder):
    return {s: (lambda a: (a["images"], a["labels"]))(load_file(folder / f"{s}.safetensors")) for s in ("train", "validation", "test")}
