# All that the first build changes, with the settings of USUAL (test_cloudbuild.py), as one would type it.

# The functions run as one account; with the two others the schedule and the topic call them.
gcloud iam service-accounts create persona-run --display-name='persona: run'
gcloud iam service-accounts create persona-scheduler --display-name='persona: scheduler'
gcloud iam service-accounts create persona-trigger --display-name='persona: trigger'

# A private bucket, which the functions write and readers read.
gcloud storage buckets create gs://acme-1-persona --location=us-central1 \
    --uniform-bucket-level-access --public-access-prevention
gcloud storage buckets add-iam-policy-binding gs://acme-1-persona --condition=None \
    --member=serviceAccount:persona-run@acme-1.iam.gserviceaccount.com --role=roles/storage.objectUser
gcloud storage buckets add-iam-policy-binding gs://acme-1-persona --condition=None \
    --member=user:ada@example.com --role=roles/storage.objectViewer
gcloud storage buckets add-iam-policy-binding gs://acme-1-persona --condition=None \
    --member=group:growth@example.com --role=roles/storage.objectViewer

# Two topics: of requests, and of those that failed every time. These wait for a person.
gcloud pubsub topics create persona
gcloud pubsub topics create persona-dead-letter
gcloud pubsub subscriptions create persona-dead-letter --topic=persona-dead-letter \
    --message-retention-duration=31d --expiration-period=never
gcloud pubsub topics add-iam-policy-binding persona-dead-letter \
    --member=serviceAccount:service-42@gcp-sa-pubsub.iam.gserviceaccount.com --role=roles/pubsub.publisher

# The keys can be read, each by itself.
gcloud secrets add-iam-policy-binding segment-token --condition=None \
    --member=serviceAccount:persona-run@acme-1.iam.gserviceaccount.com --role=roles/secretmanager.secretAccessor
gcloud secrets add-iam-policy-binding mavera-api-key --condition=None \
    --member=serviceAccount:persona-run@acme-1.iam.gserviceaccount.com --role=roles/secretmanager.secretAccessor

# Two private functions. What has succeeded is written down afterwards, on the topic.
gcloud functions deploy persona-http --gen2 --region=us-central1 --runtime=python313 \
    --source=.function --entry-point=persona_http --trigger-http \
    --memory=1Gi --cpu=1 --min-instances=0 --max-instances=2 --concurrency=4 --timeout=960s \
    --no-allow-unauthenticated --ingress-settings=all \
    --run-service-account=persona-run@acme-1.iam.gserviceaccount.com \
    --build-service-account=projects/acme-1/serviceAccounts/persona-builder@acme-1.iam.gserviceaccount.com \
    --set-secrets=SEGMENT_TOKEN=segment-token:1,MAVERA_API_KEY=mavera-api-key:1 \
    --set-env-vars='^ || ^GOOGLE_CLOUD_PROJECT=acme-1 || PERSONA_OUTPUT=gs://acme-1-persona'\
' || PERSONA_CHANNELS=web=web_sessions_30d,sms=sms_clicks_30d || PERSONA_LTV_TRAIT='\''|$'\
' || SEGMENT_SPACE_ID=spa_1 || PERSONA_DEADLINE_SECONDS=900'
gcloud pubsub topics update persona --update-labels='http=$MARK'

# Of events an instance takes one at a time, they are tried again, and come from inside the project only.
gcloud functions deploy persona-pubsub --gen2 --region=us-central1 --runtime=python313 \
    --source=.function --entry-point=persona_pubsub --trigger-topic=persona --trigger-location=us-central1 \
    --trigger-service-account=persona-trigger@acme-1.iam.gserviceaccount.com --retry \
    --memory=1Gi --cpu=1 --min-instances=0 --max-instances=2 --concurrency=1 --timeout=540s \
    --no-allow-unauthenticated --ingress-settings=internal-only \
    --run-service-account=persona-run@acme-1.iam.gserviceaccount.com \
    --build-service-account=projects/acme-1/serviceAccounts/persona-builder@acme-1.iam.gserviceaccount.com \
    --set-secrets=SEGMENT_TOKEN=segment-token:1,MAVERA_API_KEY=mavera-api-key:1 \
    --set-env-vars='^ || ^GOOGLE_CLOUD_PROJECT=acme-1 || PERSONA_OUTPUT=gs://acme-1-persona'\
' || PERSONA_CHANNELS=web=web_sessions_30d,sms=sms_clicks_30d || PERSONA_LTV_TRAIT='\''|$'\
' || SEGMENT_SPACE_ID=spa_1 || PERSONA_DEADLINE_SECONDS=480'
gcloud pubsub topics update persona --update-labels='pubsub=$MARK'

# Who may call them.
gcloud functions add-invoker-policy-binding persona-pubsub --region=us-central1 \
    --member=serviceAccount:persona-trigger@acme-1.iam.gserviceaccount.com
gcloud functions add-invoker-policy-binding persona-http --region=us-central1 \
    --member=serviceAccount:persona-scheduler@acme-1.iam.gserviceaccount.com
gcloud functions add-invoker-policy-binding persona-http --region=us-central1 --member=group:growth@example.com

# A message that fails is tried again for longer than a lease, then goes to the dead letters.
gcloud pubsub subscriptions add-iam-policy-binding eventarc-us-central1-persona-pubsub-123456-sub-789 \
    --member=serviceAccount:service-42@gcp-sa-pubsub.iam.gserviceaccount.com --role=roles/pubsub.subscriber
gcloud pubsub subscriptions update eventarc-us-central1-persona-pubsub-123456-sub-789 \
    --dead-letter-topic=projects/acme-1/topics/persona-dead-letter --max-delivery-attempts=10 \
    --ack-deadline=600 --min-retry-delay=60s --max-retry-delay=600s

# The schedule calls as itself.
gcloud scheduler jobs create http persona --location=us-central1 --schedule='0 6 * * 1' --time-zone=Etc/UTC \
    --uri=https://persona-http-abc123-uc.a.run.app/ --http-method=post \
    --oidc-service-account-email=persona-scheduler@acme-1.iam.gserviceaccount.com \
    --oidc-token-audience=https://persona-http-abc123-uc.a.run.app \
    --attempt-deadline=960s --max-retry-attempts=3 --max-doublings=1 --min-backoff=1000s --max-backoff=2000s
