"""The OpenAPI document that the client builds its calls from, made from the client's own stub.

The client has no routes of its own: it asks the server for `openapi.json` and makes one method of
each endpoint, whose `summary` is the method's name. The stub that ships with the client
(`cryosparc/api.pyi`) names them all: positional-only arguments are parts of the path, ordinary ones
the body, keyword-only ones the query.
"""

import ast
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cryosparc
from cryosparc import api, model_registry, registry, stream_registry
from cryosparc.dataset import Dataset

assert model_registry
assert stream_registry

DATASET, OCTETS, JSON = Dataset.media_type, "application/octet-stream", "application/json"
FORM = "application/x-www-form-urlencoded"
_PRIMITIVES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
_BODY_KINDS = {"Dataset": DATASET, "Stream": OCTETS}
_ERRORS = (400, 401, 404, 409, 422, 500, 501)


@dataclass(frozen=True)
class Endpoint:
    """One call of the client, as the server has to take it apart.

    Attributes
    ----------
    name
        As in the client, `jobs.find_one`.
    media
        Media type of the body; empty where it has none.
    body
        Name of the body's argument.
    """

    name: str
    media: str
    body: str


def read_stub() -> tuple[dict[str, Any], dict[tuple[str, ...], Endpoint]]:
    """Give the OpenAPI document, and the endpoint of each beginning of a path."""
    stub = Path(inspect.getfile(api)).with_suffix(".pyi")
    classes = {c.name: c for c in ast.parse(stub.read_text()).body if isinstance(c, ast.ClassDef)}
    spaces = {"APIClient": ""}
    for line in classes["APIClient"].body:  # `jobs: JobsAPI`
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            spaces[ast.unparse(line.annotation)] = f"{line.target.id}."
    paths: dict[str, Any] = {}
    table: dict[tuple[str, ...], Endpoint] = {}
    for class_name, node in classes.items():
        for function in node.body:
            if class_name not in spaces or not isinstance(function, ast.FunctionDef):
                continue
            if function.name.startswith("_"):
                continue
            name = spaces[class_name] + function.name
            operation, endpoint = _operation(name, function)
            parts = ("x", *name.split("."))
            variables = [p["name"] for p in operation["parameters"] if p["in"] == "path"]
            url = "/".join(["", *parts, *(f"{{{variable}}}" for variable in variables)])
            paths[url] = {"post": operation}
            table[parts] = endpoint
    document = {
        "openapi": "3.1.0",
        "info": {"title": "loopback", "version": cryosparc.__version__},
        "paths": paths,
        "components": {"schemas": {}},
    }
    return document, table


def _operation(name: str, function: ast.FunctionDef) -> tuple[dict[str, Any], Endpoint]:
    arguments = function.args
    parameters = [
        {"name": a.arg, "in": "path", "required": True, "schema": {}}
        for a in arguments.posonlyargs
        if a.arg != "self"
    ] + [
        {"name": a.arg, "in": "query", "required": default is None, "schema": {}}
        for a, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    media, schema = _returned(function.returns)
    responses: dict[str, Any] = {str(code): {"content": {JSON: {"schema": {}}}} for code in _ERRORS}
    operation: dict[str, Any] = {
        "summary": name,
        "parameters": parameters,
        "responses": {"200": {"content": {media: {"schema": schema}}}, **responses},
    }
    body = next((a for a in arguments.args if a.arg != "self"), None)
    if name == "login":  # a form, of which only the lifetime stands in the stub as a query
        operation["parameters"] = [
            {**p, "required": False} for p in parameters if p["name"] == "expires_in"
        ]
        operation["requestBody"] = {"content": {FORM: {"schema": {}}}}
        return operation, Endpoint(name, FORM, "")
    if body is None:
        return operation, Endpoint(name, "", "")
    kind = _BODY_KINDS.get(ast.unparse(body.annotation) if body.annotation else "", JSON)
    operation["requestBody"] = {"content": {kind: {"schema": {"title": body.arg}}}}
    return operation, Endpoint(name, kind, body.arg)


def _returned(node: ast.expr | None) -> tuple[str, dict[str, Any]]:
    """Turn the annotation of what a call returns into a media type and a schema."""
    text = ast.unparse(node) if node is not None else "None"
    if text in _BODY_KINDS:
        return _BODY_KINDS[text], {"title": text, "type": "string", "format": "binary"}
    return JSON, _schema(node, text)


def _schema(node: ast.expr | None, text: str) -> dict[str, Any]:
    if text in _PRIMITIVES:
        return {"type": _PRIMITIVES[text]}
    if text in registry.REGISTERED_MODEL_CLASSES or text in registry.REGISTERED_LITERALS:
        return {"$ref": f"#/components/schemas/{text}"}
    if isinstance(node, ast.Subscript):
        inner = node.slice
        if ast.unparse(node.value) == "List":
            return {"type": "array", "items": _schema(inner, ast.unparse(inner))}
        if ast.unparse(node.value) == "Union" and isinstance(inner, ast.Tuple):
            return {"anyOf": [_schema(e, ast.unparse(e)) for e in inner.elts]}
    return {}
