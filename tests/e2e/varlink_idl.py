# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads interfaces/*.varlink, and says where a call or a reply is not what they document."""
import dataclasses
import pathlib
import re

TOKEN = re.compile(r"->|\[string\]|\[\]|[?():,]|[A-Za-z][A-Za-z0-9._]*")
PLAIN = {"bool": bool, "int": int, "float": float, "string": str, "object": dict}


@dataclasses.dataclass
class Interface:
    """One document. methods: name to (parameters, reply); errors: name to parameters; each a struct of name to type."""

    name: str = ""
    types: dict = dataclasses.field(default_factory=dict)
    methods: dict = dataclasses.field(default_factory=dict)
    errors: dict = dataclasses.field(default_factory=dict)

    def complaints(self, value, kind, where=""):
        """What is wrong with the value of that type, a text each."""
        word = kind[0]
        if word == "maybe":
            return [] if value is None else self.complaints(value, kind[1], where)
        if word == "name":
            return self.complaints(value, self.types[kind[1]], where)
        if word == "plain":
            good = isinstance(value, PLAIN[kind[1]]) and (kind[1] == "bool" or not isinstance(value, bool))
            return [] if good else [f"{where}: {value!r} is no {kind[1]}"]
        if word in ("array", "map"):
            if not isinstance(value, list if word == "array" else dict):
                return [f"{where}: {value!r} is no {word}"]
            items = enumerate(value) if word == "array" else value.items()
            return [text for key, item in items for text in self.complaints(item, kind[1], f"{where}[{key}]")]
        return self.struct_complaints(value, kind[1], where)

    def struct_complaints(self, value, fields, where=""):
        if not isinstance(value, dict):
            return [f"{where}: {value!r} is no object"]
        found = [f"{where}.{name} is not documented" for name in value if name not in fields]
        for name, kind in fields.items():
            if name in value:
                found += self.complaints(value[name], kind, f"{where}.{name}")
            elif kind[0] != "maybe":
                found.append(f"{where}.{name} is missing")
        return found


class _Reader:
    def __init__(self, text):
        text = re.sub(r"#[^\n]*", "", text)
        if rest := TOKEN.sub("", text).split():
            raise ValueError(f"what is {rest[:5]}?")
        self.tokens = TOKEN.findall(text)

    def take(self, wanted=None):
        token = self.tokens.pop(0)
        if wanted and token != wanted:
            raise ValueError(f"{token!r} where {wanted!r} is due")
        return token

    def struct(self):
        fields = {}
        self.take("(")
        while self.tokens[0] != ")":
            name = self.take()
            if name in fields:
                raise ValueError(f"{name} twice")
            self.take(":")
            fields[name] = self.type()
            if self.tokens[0] != ")":
                self.take(",")
        self.take(")")
        return fields

    def type(self):
        token = self.tokens[0]
        if token == "(":
            return ("struct", self.struct())
        self.take()
        if token in ("?", "[]", "[string]"):
            return ({"?": "maybe", "[]": "array", "[string]": "map"}[token], self.type())
        return ("plain", token) if token in PLAIN else ("name", token)

    def interface(self):
        found = Interface()
        self.take("interface")
        found.name = self.take()
        while self.tokens:
            word, name = self.take(), self.take()
            if word == "type":
                found.types[name] = ("struct", self.struct())
            elif word == "error":
                found.errors[name] = self.struct()
            elif word == "method":
                parameters = self.struct()
                self.take("->")
                found.methods[name] = (parameters, self.struct())
            else:
                raise ValueError(f"{word!r} is no member")
        return found


def load(folder, *names):
    """The documents of these interfaces, by name."""
    return {name: _Reader((pathlib.Path(folder) / f"{name}.varlink").read_text(encoding="utf-8")).interface()
            for name in names}
