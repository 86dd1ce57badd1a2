"""
Hands the calls of image functions to the container host (automation/containers), where one runs. The emulator (ministack
1.5.33) runs images with a Docker engine only; its own way to hand calls on takes the target from the function's
environment, which would make functions differ from those on AWS, and gives every error the same type.
"""

import json
import urllib.request

# The file in which a running container host says where it is; set by `apply`.
INSTANCE = ""

# Beyond the function's own timeout (seconds): pulling and unpacking its image, and getting ready.
START_PATIENCE = 180


def apply(instance):
    """
    Puts the hand-over in place; to be called before the emulator's application is imported.

    instance: see INSTANCE
    """
    global INSTANCE
    INSTANCE = instance
    from ministack.core.lambda_runtime import HOST_PREFIX_ENV, execution_credentials
    from ministack.services import lambda_svc

    by_docker = lambda_svc._execute_function_docker

    def execute(func, event, request_id):
        config = func.get("config") or func
        host = running()
        if config.get("PackageType") != "Image":
            return by_docker(func, event, request_id)
        if host is None:
            return failed(
                "ContainerHostMissing",
                "image functions are run by the container host, which does not run: `tributary deploy local` starts it",
            )
        call = {
            "requestId": request_id,
            "event": json.dumps(event, ensure_ascii=False),
            "traceId": lambda_svc._xray_trace_id_for_invocation(config),
            "environment": {**execution_credentials(config), HOST_PREFIX_ENV: "true"},
            "function": described(config),
        }
        return answer(host, call)

    lambda_svc._execute_function_docker = execute


def running():
    try:
        with open(INSTANCE, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def described(config):
    """The part of a function's configuration that its container is made from."""
    names = ["FunctionName", "FunctionArn", "ImageUri", "Version", "MemorySize", "Timeout", "EphemeralStorage", "Environment"]
    image = (config.get("ImageConfigResponse") or {}).get("ImageConfig") or config.get("ImageConfig")
    return {**{name: config[name] for name in names if config.get(name) is not None}, "ImageConfig": image}


def post(host, path, content, timeout):
    request = urllib.request.Request(
        f"http://127.0.0.1:{host['port']}{path}",
        data=json.dumps(content).encode("utf-8"),
        headers={"Authorization": f"Bearer {host['token']}", "Content-Type": "application/json"},
    )
    # Not through a proxy that the environment may name.
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout) as response:
        return json.load(response)


def end_all():
    """Ends every call in progress, as the server does with functions that are its own processes."""
    host = running()
    if host:
        try:
            post(host, "/end", {}, timeout=5)
        except (OSError, ValueError):
            pass


def answer(host, call):
    try:
        result = post(host, "/invoke", call, timeout=call["function"].get("Timeout", 3) + START_PATIENCE)
    except (OSError, ValueError) as error:
        return failed("ContainerHostFailed", f"the container host did not answer: {error}")
    body = json.loads(result["payload"]) if result["payload"] else None
    if result.get("errorType"):
        return {"body": body, "error": True, "function_error": "Unhandled", "log": result["log"]}
    return {"body": body, "log": result["log"]}


def failed(kind, message):
    return {
        "body": {"errorType": kind, "errorMessage": message},
        "error": True,
        "function_error": "Unhandled",
        "log": message,
    }
