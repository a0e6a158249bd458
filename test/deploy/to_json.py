"""YAML documents on standard input, as a JSON array on standard output; checked against a JSON schema, if one is named."""

import json
import sys

import jsonschema
import yaml

documents = list(yaml.safe_load_all(sys.stdin))
for schema in sys.argv[1:]:
    with open(schema) as file:
        validator = jsonschema.Draft7Validator(json.load(file))
    faults = [f"{list(error.path)}: {error.message}" for document in documents for error in validator.iter_errors(document)]
    if faults:
        sys.exit("\n".join(faults))
json.dump(documents, sys.stdout, default=str)
