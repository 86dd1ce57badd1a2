"""
Serves CodePipeline on one loopback port, over TLS only, until SIGTERM or SIGINT.

The local AWS (ministack 1.5.33) has no CodePipeline; moto 5.2.1 has. This is moto's CodePipeline, in this process, behind
the rules below. Each of them mends one difference from AWS that keeps a right program from being deployed; none invents
an answer: whatever is said of a pipeline, moto said it.

  service  Only CodePipeline is served; a call of another service is refused, so that nothing lands in the wrong emulator.
  account  moto knows accounts by a header of its own; AWS by the access key, which is the account here.
  role     AWS has one IAM. CodePipeline checks that the pipeline's role is there and trusts it, so the role of a request is
           looked up in the local AWS and made known to moto as it is; a role that is not there stays unknown.
  times    CodePipeline's JSON has times as numbers of seconds (timestamps of the protocol awsJson1_1); moto writes text,
           which the AWS SDK for Go, and so the provider, refuses to read.
  memory   moto forgets everything when it ends. What changed pipelines is written down and said again at the next start,
           as long as the local AWS still has the state that it belongs to.

Files in the directory: instance.json while this process runs, journal.jsonl. Arguments: the directory, then JSON with
port, fingerprint, stateId, certificate, key, endpoint (of the local AWS) and ca.
"""

import io
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
from datetime import datetime

TARGET = "CodePipeline_20150709."

# What changes something: kept for the next start.
CHANGES = ("CreatePipeline", "UpdatePipeline", "DeletePipeline", "TagResource", "UntagResource")

HEALTH = "/_front/health"


def write(path, text):
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".tmp", path)


def process_start():
    """The same value that the driver reads for a process id, so that a reused id is not taken for this process."""
    try:
        with open("/proc/self/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[19]
    except OSError:
        ps = subprocess.run(["ps", "-o", "lstart=", "-p", str(os.getpid())], capture_output=True, text=True, check=True)
        return ps.stdout.strip()


def refusal(code, text):
    """An error as services of this protocol answer it."""
    return "400 Bad Request", json.dumps({"__type": code, "message": text}).encode()


def caller_of(environ):
    """Account and region of a signed request, from the scope of its signature."""
    found = re.search(r"Credential=(\d{12})/\d{8}/([a-z0-9-]+)/codepipeline/", environ.get("HTTP_AUTHORIZATION", ""))
    return found.groups() if found else (None, None)


def with_numbers(value):
    """The rule `times`: the keys that hold times in answers of CodePipeline, as numbers."""
    if isinstance(value, list):
        return [with_numbers(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: seconds(each) if key in ("created", "updated") and isinstance(each, str) else with_numbers(each)
        for key, each in value.items()
    }


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Front:
    """The WSGI application: the rules around moto's own."""

    def __init__(self, backend, roles, journal):
        self.backend, self.roles, self.journal = backend, roles, journal
        # moto's stores are plain dictionaries.
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        status, body = self.answer(environ)
        start_response(status, [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))])
        return [body]

    def answer(self, environ):
        if environ.get("PATH_INFO") == HEALTH:
            return "200 OK", b'{"front":"ready"}'
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        account, region = caller_of(environ)
        if not target.startswith(TARGET) or account is None:
            return refusal("UnknownOperationException", f"only signed calls of CodePipeline are served here, not {target!r}")
        length = int(environ.get("CONTENT_LENGTH") or 0)
        call = {"account": account, "region": region, "action": target[len(TARGET) :]}
        call["body"] = environ["wsgi.input"].read(length).decode()
        with self.lock:
            return self.perform(call)

    def perform(self, call):
        arn = role_of(call)
        if arn:
            call["trust"] = self.roles.trust(call["account"], call["region"], arn)
        status, body = self.say(call)
        if status.startswith("200") and call["action"] in CHANGES:
            self.journal.add(call)
        return status, body

    def say(self, call):
        """Says a call to moto, now or once more."""
        if call.get("trust"):
            know_role(call["account"], role_of(call), call["trust"])
        return self.backend(call)

    def recall(self):
        for call in self.journal.calls():
            self.say(call)


def role_of(call):
    """ARN of the role of the pipeline in a request."""
    if call["action"] not in ("CreatePipeline", "UpdatePipeline"):
        return None
    try:
        return json.loads(call["body"])["pipeline"]["roleArn"]
    except (ValueError, KeyError, TypeError):
        return None


def know_role(account, arn, trust):
    """Makes a role known to moto's IAM as the local AWS has it."""
    from moto.iam.models import iam_backends

    backend, name = iam_backends[account]["aws"], arn.rsplit("/", 1)[1]
    found = next((role for role in backend.get_roles() if role.name == name), None)
    if found:
        found.assume_role_policy_document = trust
    else:
        backend.create_role(name, trust, "/", None, "", [], "3600")


class Roles:
    """The roles of the local AWS."""

    def __init__(self, endpoint, ca):
        self.endpoint, self.ca = endpoint, ca

    def trust(self, account, region, arn):
        """Trust policy of a role, or None where the local AWS has no such role."""
        import boto3
        from botocore.exceptions import ClientError

        client = boto3.client(
            "iam",
            endpoint_url=self.endpoint,
            verify=self.ca,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="local",
        )
        try:
            role = client.get_role(RoleName=arn.rsplit("/", 1)[1])["Role"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchEntity":
                return None
            raise
        return json.dumps(role["AssumeRolePolicyDocument"]) if role["Arn"] == arn else None


class Journal:
    """What changed pipelines, one call a line, the first line saying which state of the local AWS it belongs to."""

    def __init__(self, path, state_id):
        self.path = path
        lines = self.lines()
        if not lines or json.loads(lines[0]).get("stateId") != state_id:
            write(path, json.dumps({"stateId": state_id}) + "\n")

    def lines(self):
        try:
            with open(self.path, encoding="utf-8") as file:
                # A line that was cut off by a kill was answered to nobody.
                return [line for line in file.read().splitlines() if is_json(line)]
        except FileNotFoundError:
            return []

    def calls(self):
        return [json.loads(line) for line in self.lines()[1:]]

    def add(self, call):
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(call) + "\n")
            file.flush()
            os.fsync(file.fileno())


def is_json(line):
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def moto_backend():
    """moto's CodePipeline as a function of one call."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    application = DomainDispatcherApplication(create_backend_app)

    def say(call):
        body, answered = call["body"].encode(), {}
        scope = f"Credential={call['account']}/20260101/{call['region']}/codepipeline/aws4_request"
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/",
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost",
            "CONTENT_TYPE": "application/x-amz-json-1.1",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_X_AMZ_TARGET": TARGET + call["action"],
            "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
            "HTTP_X_MOTO_ACCOUNT_ID": call["account"],
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "https",
            "wsgi.version": (1, 0),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        parts = application(environ, lambda status, headers, _=None: answered.update(status=status))
        text = b"".join(parts)
        try:
            return answered["status"], json.dumps(with_numbers(json.loads(text))).encode()
        except ValueError:
            return answered["status"], text

    return say


def main():
    folder, given = sys.argv[1], json.loads(sys.argv[2])
    from werkzeug.serving import make_server

    front = Front(
        moto_backend(),
        Roles(given["endpoint"], given["ca"]),
        Journal(os.path.join(folder, "journal.jsonl"), given["stateId"]),
    )
    front.recall()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(given["certificate"], given["key"])
    server = make_server("127.0.0.1", given["port"], front, threaded=True, ssl_context=context)
    instance = os.path.join(folder, "instance.json")
    told = {name: given[name] for name in ("port", "fingerprint")}
    write(instance, json.dumps({**told, "pid": os.getpid(), "processStart": process_start()}))
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: threading.Thread(target=server.shutdown).start())
    try:
        server.serve_forever()
    finally:
        os.remove(instance)


if __name__ == "__main__":
    main()
