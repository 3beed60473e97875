"""docs/reference/federatedtraining.md, made from the CRD by scripts/manifests."""

import re

KEYWORDS = {"minimum": "at least {}", "maximum": "at most {}", "minLength": "at least {} characters",
            "maxLength": "at most {} characters", "minItems": "at least {} items", "maxItems": "at most {} items",
            "pattern": "matches `{}`"}


def kind_of(schema):
    if schema.get("enum"):
        return " or ".join(f"`{one}`" for one in schema["enum"])
    if schema.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if schema["type"] == "array":
        return f"list of {kind_of(schema['items'])}"
    return {"number": "number", "object": "object"}.get(schema["type"], schema["type"])


def bounds_of(schema):
    for keyword, words in KEYWORDS.items():
        if schema.get(keyword) == 1 and keyword in ("minLength", "minItems"):
            yield "not empty"
        elif keyword in schema:
            yield words.format(str(schema[keyword]).replace("|", "\\|"))


def fields(schema, path, required):
    """(path, schema, whether it is required), depth first; volumes and the like of Kubernetes are left closed."""
    yield path, schema, required
    inner = schema["items"] if schema.get("type") == "array" else schema
    suffix = "[]" if inner is not schema else ""
    for name, below in inner.get("properties", {}).items():
        yield from fields(below, f"{path}{suffix}.{name}", name in inner.get("required", []))


def rules(schema, path):
    """The messages of validation rules, with the field that each is about."""
    for rule in schema.get("x-kubernetes-validations", []):
        yield path + (rule.get("fieldPath") or ""), rule["message"]
    inner = schema.get("items", schema) if schema.get("type") == "array" else schema
    if inner is not schema:
        yield from rules(inner, path + "[]")
    for name, below in inner.get("properties", {}).items() if inner is schema else ():
        yield from rules(below, f"{path}.{name}")


def row(path, schema, required):
    text = re.sub(r"\s+", " ", schema.get("description", "")).replace("|", "\\|")
    more = ["required"] if required else []
    if "default" in schema and schema["default"] not in ({}, []):
        default = schema["default"]
        more.append(f"default `{str(default).lower() if isinstance(default, bool) else default}`")
    more += bounds_of(schema)
    return f"| `{path}` | {kind_of(schema)} | {text}{' (' + '; '.join(more) + ')' if more else ''} |"


def page(crd):
    version = crd["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]["properties"]
    lines = ["# FederatedTraining", "", "<!-- Made by `make manifests` from crds/federatedtrainings.yaml. -->", "",
             f"All fields of `{crd['spec']['group']}/{version['name']}`, kind `{crd['spec']['names']['kind']}`. The same is in",
             "`kubectl explain ft.spec --recursive`. Local commands read the same files and refuse the same mistakes.", ""]
    for part, title in (("spec", "Spec"), ("status", "Status")):
        lines += [f"## {title}", "", "| field | type | meaning |", "|---|---|---|"]
        lines += [row(*one) for one in fields(schema[part], part, False)] + [""]
    lines += ["## Rules", "", "What the schema of a single field does not say. Each message follows the path of its field.", ""]
    whole = version["schema"]["openAPIV3Schema"]
    told = sorted({(path.removeprefix(".") or "the object", " ".join(message.split())) for path, message in rules(whole, "")})
    lines += ["| field | message |", "|---|---|"] + [f"| `{path}` | {message} |".replace("|-", "|") for path, message in told]
    return "\n".join(lines) + "\n"
