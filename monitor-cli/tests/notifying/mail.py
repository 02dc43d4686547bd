"""A mail server for one test: it takes mail over TLS from who logs in, at first says "later", and prints what it got as another
program reads it, a line of JSON a mail. The first line is its port."""
import asyncio, email, email.policy, json, logging, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult

# It warns of a login without STARTTLS also where the line is encrypted from the beginning.
logging.disable()
mode, certificate, key = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)


class Handler:
    asked = 0

    async def handle_DATA(self, server, session, envelope):
        self.asked += 1
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        told = {"asked": self.asked, "id": mail["message-id"]}
        if self.asked == 1:
            print(json.dumps(told), flush=True)
            return "451 4.3.0 later"
        body = lambda kind: mail.get_body((kind,)).get_content().replace("\r\n", "\n")
        attached = [
            {"type": part.get_content_type(), "name": part.get_filename(), "cid": part["content-id"],
             "bytes": len(part.get_payload(decode=True))}
            for part in mail.walk() if part.get_content_disposition() in ("inline", "attachment")
        ]
        told |= {
            "secure": server.transport.get_extra_info("ssl_object") is not None, "user": session.auth_data, "from": envelope.mail_from, "to": envelope.rcpt_tos,
            "subject": mail["subject"], "references": mail["references"], "in_reply_to": mail["in-reply-to"],
            "text": body("plain"), "html": body("html"), "attached": attached, "defects": [str(d) for d in mail.defects],
        }
        print(json.dumps(told), flush=True)
        return "250 taken"


def login(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (b"monitor", b"secret")
    return AuthResult(success=right, handled=False, auth_data=data.login.decode())


async def serve():
    implicit = mode == "tls"
    handler = Handler()
    options = dict(authenticator=login, auth_required=True, auth_require_tls=not implicit, hostname="localhost")
    if not implicit:
        options |= dict(tls_context=context, require_starttls=True)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, **options), "127.0.0.1", 0, ssl=context if implicit else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    # It ends with the test, which holds the other end of its standard input.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(serve())
