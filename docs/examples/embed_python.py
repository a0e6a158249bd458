import hashlib
import json
import os
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote
from urllib.request import Request, urlopen

PARLEY = os.environ.get("PARLEY_URL", "http://127.0.0.1:8080")
SERVER_KEY = os.environ["PARLEY_SERVER_KEY"]


def hashed(secret):
    return hashlib.sha256(secret.encode()).hexdigest()


# The application's own accounts, however it keeps them. Here: who knows the secret is Ada.
ACCOUNTS = {
    hashed("ada's cookie"): {"id": "1", "name": "Ada"},
    hashed("bob's cookie"): {"id": "2", "name": "Bob"},
}


def call_parley(path, body):
    """Calls AdminService. The key stays here: no browser ever sees it."""
    headers = {"Authorization": f"Bearer {SERVER_KEY}", "Content-Type": "application/json"}
    request = Request(PARLEY + path, json.dumps(body).encode(), headers, method="POST")
    with urlopen(request, timeout=10) as response:
        return json.load(response)


class Application(BaseHTTPRequestHandler):
    def do_POST(self):
        """The application's page asks for /chat/token when it starts, with the application's own session."""
        if self.path != "/chat/token":
            return self.answer(404, {})
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("session")
        account = ACCOUNTS.get(hashed(unquote(cookie.value))) if cookie else None
        if account is None:
            return self.answer(401, {})
        person = {"externalId": account["id"], "displayName": account["name"]}
        user = call_parley("/v1/admin/users:ensure", person)["user"]
        issue = f"/v1/admin/users/{user['userId']}:issueTokens"
        tokens = call_parley(issue, {"deviceName": "web"})["tokens"]
        self.answer(200, {"user": user, "tokens": tokens})

    def answer(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3000"))), Application)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
