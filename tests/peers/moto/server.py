"""An S3 server on a loopback port, with one user and one bucket.

It checks signatures, as a real one does. When it is ready it prints one line, `ADDRESS ACCESS_KEY SECRET_KEY BUCKET`; it ends when
standard input closes, and everything it held is gone with it.
"""

import json
import logging
import sys
import urllib.request

import boto3
from moto.server import ThreadedMotoServer

BUCKET = "zhixing-test"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
address = f"http://{host}:{port}"


def client(service, access, secret):
    return boto3.client(
        service,
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id=access,
        aws_secret_access_key=secret,
    )


# Until the first user is there, nobody is asked for a key.
iam = client("iam", "nobody", "nothing")
iam.create_user(UserName="zhixing")
iam.put_user_policy(UserName="zhixing", PolicyName="everything", PolicyDocument=json.dumps(EVERYTHING))
key = iam.create_access_key(UserName="zhixing")["AccessKey"]
strict = urllib.request.Request(f"{address}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"})
urllib.request.urlopen(strict).close()
client("s3", key["AccessKeyId"], key["SecretAccessKey"]).create_bucket(Bucket=BUCKET)

print(address, key["AccessKeyId"], key["SecretAccessKey"], BUCKET, flush=True)
sys.stdin.read()
server.stop()
