#!/bin/sh
# Joins a file to a new draft, waits until it was scanned, and fetches it again: all of it with curl.
#
#     make run                                             # in one terminal
#     client-examples/send-a-file.sh photo.jpg             # in another; a PDF, JPEG, PNG, WebP or HEIC
#     client-examples/send-a-file.sh photo.jpg resumable   # the same in two pieces, by tus
#
# ESPACE_URL names another server (default http://localhost:8000). Python 3 reads the answers.
set -eu

file=${1:?"which file? client-examples/send-a-file.sh FILE [resumable]"}
way=${2:-multipart}
url=${ESPACE_URL:-http://localhost:8000}
name=$(basename "$file")

ask() { # ask AUTHORIZATION BODY
    curl -sS "$url/graphql" -H "$1" -H 'Accept-Language: en' -H 'Content-Type: application/json' -d "$2"
}

member() { # member PATH < JSON: what is at `data.addAttachment.attachment.id`
    python3 -c '
import json, sys
value = answer = json.load(sys.stdin)
for key in sys.argv[1].split("."):
    if not isinstance(value, dict) or key not in value:
        sys.exit(f"The server answers: {json.dumps(answer, ensure_ascii=False)}")
    value = value[key]
print(value if isinstance(value, str) else json.dumps(value))' "$1"
}

# 1. A draft, as a visitor. From here on its ticket says who is calling: visitors cannot send files.
draft=$(ask 'Accept: application/json' '{"query": "mutation { startRequest(input: { procedure: \"signalement-voirie\" }) { ... on StartRequestSuccess { request { id ticket } } ... on Error { code message } } }"}')
request=$(printf %s "$draft" | member data.startRequest.request.id)
ticket=$(printf %s "$draft" | member data.startRequest.request.ticket)
echo "Draft with ticket $ticket"

mutation='mutation AddAttachment($request: ID!, $source: FileSource!) { addAttachment(input: { request: $request, source: $source }) { ... on AddAttachmentSuccess { attachment { id title file { mediaType size scan } } } ... on FileRejectedError { reason } ... on Error { code message } } }'

if [ "$way" = resumable ]; then
    # 2. tus: create the upload, send half of it, ask where it stands, send the rest; then name it.
    size=$(wc -c < "$file" | tr -d ' ')
    created=$(curl -sS -i -X POST "$url/uploads" -H "Authorization: Ticket $ticket" \
        -H 'Tus-Resumable: 1.0.0' -H "Upload-Length: $size" \
        -H "Upload-Metadata: filename $(printf %s "$name" | base64 | tr -d '\n')" -H 'Accept-Language: en')
    upload=$(printf '%s\n' "$created" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
    [ "$upload" ] || { echo "The server answers: $created" >&2; exit 1; }
    send() { # send OFFSET < BYTES
        curl -sS --fail -X PATCH "$upload" -H "Authorization: Ticket $ticket" \
            -H 'Tus-Resumable: 1.0.0' -H "Upload-Offset: $1" \
            -H 'Content-Type: application/offset+octet-stream' --data-binary @-
    }
    head -c "$((size / 2))" "$file" | send 0
    stands=$(curl -sS -I "$upload" -H "Authorization: Ticket $ticket" -H 'Tus-Resumable: 1.0.0' |
        tr -d '\r' | sed -n 's/^[Uu]pload-[Oo]ffset: //p')
    echo "The upload stands at $stands of $size bytes"
    tail -c "+$((stands + 1))" "$file" | send "$stands"
    added=$(ask "Authorization: Ticket $ticket" "{\"query\": \"$mutation\", \"variables\": {\"request\": \"$request\", \"source\": {\"resumableUpload\": \"${upload##*/}\"}}}")
else
    # 2. The operation and its file in one body: `operations`, `map`, then the file, in this order.
    added=$(curl -sS "$url/graphql" -H "Authorization: Ticket $ticket" -H 'Accept-Language: en' \
        -F operations="{\"query\": \"$mutation\", \"variables\": {\"request\": \"$request\", \"source\": {\"upload\": null}}}" \
        -F map='{"0": ["variables.source.upload"]}' \
        -F "0=@\"$file\"")
fi
attachment=$(printf %s "$added" | member data.addAttachment.attachment.id)
echo "Joined: $(printf %s "$added" | member data.addAttachment.attachment.file)"

# 3. A file is PENDING until the virus scanner has spoken, and has no address before that.
while :; do
    seen=$(ask "Authorization: Ticket $ticket" "{\"query\": \"{ node(id: \\\"$attachment\\\") { ... on Attachment { file { scan url } } } }\"}")
    scan=$(printf %s "$seen" | member data.node.file.scan)
    [ "$scan" = PENDING ] || break
    sleep 1
done
echo "Scan: $scan"
[ "$scan" = CLEAN ]

# 4. The address is signed, and good for some minutes: nothing else need be sent along.
copy=$(mktemp)
curl -sS --fail "$(printf %s "$seen" | member data.node.file.url)" -o "$copy"
echo "Fetched $(wc -c < "$copy" | tr -d ' ') bytes: $copy"
