"""Checks manifests against the schemas that the cluster would check them by, and refuses fields that it would drop.

    validate.py <folder of CRDs>... < manifests.yaml

Prints every fault on a line. What no schema is at hand for is named by "unchecked".
"""

import pathlib
import sys

import jsonschema
import kubernetes_validate
import yaml

KUBERNETES = "1.34"


def strict(schema):
    """The API server drops what a CRD doesn't list; so that a slip of the pen is seen, it is refused here."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: strict(value) for key, value in schema.items()}
    if "properties" in result and "additionalProperties" not in result:
        if not result.get("x-kubernetes-preserve-unknown-fields"):
            result["additionalProperties"] = False
    if result.get("x-kubernetes-int-or-string"):
        result.pop("type", None)
    return result


def read_crds(folders):
    """Schemas of custom resources, by apiVersion and kind."""
    schemas = {}
    for folder in folders:
        for file in pathlib.Path(folder).glob("*.yaml"):
            for crd in yaml.safe_load_all(file.read_text()):
                if not crd or crd.get("kind") != "CustomResourceDefinition":
                    continue
                spec = crd["spec"]
                for version in spec["versions"]:
                    key = f"{spec['group']}/{version['name']}", spec["names"]["kind"]
                    schema = version["schema"]["openAPIV3Schema"]
                    schema["properties"]["metadata"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                    schema["properties"]["apiVersion"] = schema["properties"]["kind"] = {"type": "string"}
                    schemas[key] = strict(schema)
    return schemas


def faults_of(manifest, schemas):
    key = manifest["apiVersion"], manifest["kind"]
    if key in schemas:
        errors = jsonschema.Draft7Validator(schemas[key]).iter_errors(manifest)
        return [f"{'.'.join(map(str, error.path))}: {error.message}" for error in errors]
    if "." in key[0].split("/")[0] and not key[0].split("/")[0].endswith(".k8s.io"):
        return ["unchecked"]
    try:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{'.'.join(map(str, error.path))}: {error.message}"]
    except kubernetes_validate.SchemaNotFoundError:
        return ["unchecked"]
    return []


schemas = read_crds(sys.argv[1:])
for manifest in yaml.safe_load_all(sys.stdin):
    for fault in faults_of(manifest, schemas):
        print(f"{manifest['kind']} {manifest['metadata']['name']}: {fault[:300]}")
