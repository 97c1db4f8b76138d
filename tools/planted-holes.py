#!/usr/bin/env python3
"""A server with holes on purpose: tools/scan demands that each scanner finds its own, before it looks at the portal.

/echo?text=    writes what it is given into its page (cross-site scripting)
/row?id=       puts what it is given into SQL; so do /row/1 with its path, and a form with a token at /row
/openapi.json  describes /api/number as a number; the operation answers text, and 500 for 7
"""

import json
import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlparse

TOKEN = "0123456789abcdef"
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "holes", "version": "1"},
    "paths": {
        "/api/number": {
            "get": {
                "operationId": "number",
                "parameters": [{"name": "of", "in": "query", "required": True, "schema": {"type": "integer"}}],
                "responses": {
                    "200": {
                        "description": "a number",
                        "content": {"application/json": {"schema": {"type": "integer"}}},
                    }
                },
            }
        }
    },
}


class Holes(BaseHTTPRequestHandler):
    def do_GET(self):
        address = urlparse(self.path)
        given = {key: values[0] for key, values in parse_qs(address.query, keep_blank_values=True).items()}
        if address.path == "/":
            self.say('<a href="/echo?text=a">echo</a> <a href="/row?id=1">row</a>')
        elif address.path == "/echo":
            self.say("You said " + given.get("text", ""))
        elif address.path == "/row" and not given:
            self.say('<form method="post"><input name="id" value="1"><input name="csrf" value="%s"></form>' % TOKEN)
        elif address.path == "/row":
            self.row(given.get("id", "0"))
        elif address.path.startswith("/row/"):
            self.row(unquote(address.path.removeprefix("/row/")))
        elif address.path == "/openapi.json":
            self.say(json.dumps(DOCUMENT), kind="application/json")
        elif address.path == "/api/number":
            self.say('"not a number"', 500 if given.get("of") == "7" else 200, "application/json")
        else:
            self.say("nothing", 404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        given = {key: values[0] for key, values in parse_qs(body, keep_blank_values=True).items()}
        if given.get("csrf") != TOKEN:
            return self.say("forged", 403)
        self.row(given.get("id", "0"))

    def row(self, wanted):
        database = sqlite3.connect(":memory:")
        database.execute("CREATE TABLE row (id, name)")
        database.execute("INSERT INTO row VALUES (1, 'one')")
        try:
            rows = database.execute("SELECT name FROM row WHERE id = " + wanted).fetchall()
            self.say(f"Rows: {rows}")
        except sqlite3.Error as error:
            self.say(f"sqlite3.OperationalError: {error}", 500)

    def say(self, text, status=200, kind="text/html"):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Holes).serve_forever()
