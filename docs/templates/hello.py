import sys
import time

sys.path.insert(0, "gen")

import grpc
from google.rpc import error_details_pb2, status_pb2
from parley.auth.v1 import auth_service_pb2, auth_service_pb2_grpc
from parley.message.v1 import message_service_pb2, message_service_pb2_grpc
from parley.room.v1 import room_service_pb2, room_service_pb2_grpc

target = sys.argv[1] if len(sys.argv) > 1 else "localhost:8081"


def reason_of(error):
    """The stable reason of a refusal, from the google.rpc.Status in its trailers."""
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    return info.reason
    return None


with grpc.insecure_channel(target) as channel:
    auth = auth_service_pb2_grpc.AuthServiceStub(channel)
    rooms = room_service_pb2_grpc.RoomServiceStub(channel)
    messages = message_service_pb2_grpc.MessageServiceStub(channel)

    username = f"ada-{time.time_ns()}"
    signed_in = auth.Register(auth_service_pb2.RegisterRequest(username=username, password="correct horse"))
    token = [("authorization", f"Bearer {signed_in.tokens.access_token}")]

    room = rooms.CreateRoom(room_service_pb2.CreateRoomRequest(name="Tea"), metadata=token, timeout=5).room
    # The same client_id again posts nothing twice.
    post = message_service_pb2.SendMessageRequest(room_id=room.room_id, client_id="1", text="Hello")
    message = messages.SendMessage(post, metadata=token, timeout=5).message
    print(message.seq, message.text)

    try:
        missing = message_service_pb2.GetMessageRequest(room_id=room.room_id, seq=99)
        messages.GetMessage(missing, metadata=token, timeout=5)
    except grpc.RpcError as error:
        print(error.code().name, reason_of(error))
