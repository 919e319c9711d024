#!/usr/bin/env python3
"""A small mail server for the tests (RFC 5321): every mail becomes a line of JSON.

usage: mail-server.py ADDRESS PORT FILE [hang]

`hang`: it takes connections and never says a word.
"""
import asyncio
import json
import sys

address, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
hangs = sys.argv[4:] == ["hang"]


def note(entry):
    with open(path, "a") as file:
        file.write(json.dumps(entry) + "\n")


async def converse(reader, writer):
    if hangs:
        note({"connection": True})
        await reader.read()  # until the other side gives up
        note({"gone": True})
        writer.close()
        return
    mail = {"helo": "", "from": "", "to": [], "lines": []}

    def say(text):
        writer.write(text.encode() + b"\r\n")

    say("220 mail.example.com ESMTP")
    while line := await reader.readline():
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        verb = text.split(" ")[0].upper()
        if verb in ("HELO", "EHLO"):
            mail["helo"] = text[5:]
            say("250 mail.example.com")
        elif verb == "MAIL":
            mail.update({"from": text[10:], "to": [], "lines": []})
            say("250 ok")
        elif verb == "RCPT":
            mail["to"].append(text[8:])
            say("250 ok")
        elif verb == "DATA":
            say("354 go on")
            await writer.drain()
            while line := await reader.readline():
                text = line.decode("utf-8", "replace").rstrip("\r\n")
                if text == ".":
                    break
                mail["lines"].append(text[1:] if text.startswith("..") else text)
            note(mail)
            say("250 kept")
        elif verb == "QUIT":
            say("221 bye")
            break
        else:
            say("502 what is that")
        await writer.drain()
    writer.close()


async def serve():
    server = await asyncio.start_server(converse, address, port)
    print("listening", flush=True)
    await server.serve_forever()


asyncio.run(serve())
