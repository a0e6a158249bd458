package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	authv1 "example.com/app/gen/parley/auth/v1"
	messagev1 "example.com/app/gen/parley/message/v1"
	roomv1 "example.com/app/gen/parley/room/v1"
)

func main() {
	target := "localhost:8081"
	if len(os.Args) > 1 {
		target = os.Args[1]
	}
	connection, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	username := fmt.Sprintf("ada-%d", time.Now().UnixNano())
	signedIn, err := authv1.NewAuthServiceClient(connection).Register(ctx,
		&authv1.RegisterRequest{Username: username, Password: "correct horse"})
	check(err)
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+signedIn.Tokens.AccessToken)

	made, err := roomv1.NewRoomServiceClient(connection).CreateRoom(ctx, &roomv1.CreateRoomRequest{Name: "Tea"})
	check(err)
	messages := messagev1.NewMessageServiceClient(connection)
	// The same ClientId again posts nothing twice.
	sent, err := messages.SendMessage(ctx,
		&messagev1.SendMessageRequest{RoomId: made.Room.RoomId, ClientId: "1", Text: "Hello"})
	check(err)
	fmt.Println(sent.Message.Seq, sent.Message.Text)

	_, err = messages.GetMessage(ctx, &messagev1.GetMessageRequest{RoomId: made.Room.RoomId, Seq: 99})
	refusal := status.Convert(err)
	for _, detail := range refusal.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			fmt.Println(refusal.Code(), info.Reason)
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
