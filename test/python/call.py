"""Calls Parley by gRPC with the code that `buf generate` made, for the conformance suite.

Reads one call a line from stdin, {"id", "service", "method", "request", "token", "timeout", "undecodable"}, and writes
one line for each answer, in any order: {"id", "ok": response} or {"id", "code", "message", "details": base64 of a
google.rpc.Status, if there was one}, and {"headers": …} with both. Of a stream it answers the first message.

Usage: call.py <folder of the generated code> <host:port>
"""

import base64
import importlib
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, sys.argv[1])

import grpc  # noqa: E402
from google.protobuf import json_format  # noqa: E402

UNDECODABLE = bytes([0x0A, 0x09, 0x01])
channel = grpc.insecure_channel(sys.argv[2])
writing = threading.Lock()


def find(service, method):
    """The generated stub's call, and the descriptor of the RPC."""
    package, _, name = service.rpartition(".")
    module = package.replace(".", "/")
    file = "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")
    path = f"{module}/{file}_pb2".replace("/", ".")
    messages = importlib.import_module(path)
    stub = getattr(importlib.import_module(f"{path}_grpc"), f"{name}Stub")(channel)
    return getattr(stub, method), messages.DESCRIPTOR.services_by_name[name].methods_by_name[method]


def message_class(descriptor):
    return importlib.import_module(descriptor.file.name.removesuffix(".proto").replace("/", ".") + "_pb2").__dict__[
        descriptor.name
    ]


def headers_of(call):
    pairs = list(call.initial_metadata() or ()) + list(call.trailing_metadata() or ())
    return {name: value for name, value in pairs if isinstance(value, str)}


def spoilt(service, method, descriptor):
    """The same call with bytes that are no message."""
    factory = channel.unary_stream if descriptor.server_streaming else channel.unary_unary
    decode = message_class(descriptor.output_type).FromString
    return factory(f"/{service}/{method}", lambda _: UNDECODABLE, decode)


def perform(asked):
    service, method = asked["service"], asked["method"]
    rpc, descriptor = find(service, method)
    if asked.get("undecodable"):
        rpc = spoilt(service, method, descriptor)
    request = json_format.ParseDict(
        asked["request"], message_class(descriptor.input_type)(), ignore_unknown_fields=True
    )
    metadata = [("authorization", f"Bearer {asked['token']}")] if asked.get("token") is not None else []
    timeout = asked.get("timeout")
    try:
        if descriptor.server_streaming:
            call = rpc(request, metadata=metadata, timeout=timeout)
            message = next(call)
            headers = dict(call.initial_metadata())
            call.cancel()
        else:
            message, call = rpc.with_call(request, metadata=metadata, timeout=timeout)
            headers = headers_of(call)
        ok = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
        return {"ok": ok, "headers": headers}
    except grpc.RpcError as error:
        details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
        return {
            "code": error.code().value[0],
            "message": error.details(),
            "details": base64.b64encode(details).decode() if details else None,
            "headers": headers_of(error),
        }


def answer(line):
    asked = json.loads(line)
    try:
        result = perform(asked)
    except Exception as error:  # a fault of this program's or of the generated code
        result = {"fault": f"{type(error).__name__}: {error}"}
    with writing:
        print(json.dumps({"id": asked["id"], **result}), flush=True)


with ThreadPoolExecutor(max_workers=32) as pool:
    for each in sys.stdin:
        pool.submit(answer, each)
