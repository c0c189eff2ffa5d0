#!/bin/sh
# Starts the broker. The admin's password stands in a file and in no variable of the container, where "docker inspect" would show it.
set -eu
password=$(cat /run/secrets/kafka/admin)
# By PLAIN the admin comes in before there are SCRAM users, whose passwords the broker keeps itself.
plain="org.apache.kafka.common.security.plain.PlainLoginModule required username=\"admin\" password=\"$password\" user_admin=\"$password\";"
scram='org.apache.kafka.common.security.scram.ScramLoginModule required;'
export KAFKA_LISTENER_NAME_CONTROLLER_PLAIN_SASL_JAAS_CONFIG="$plain"
export KAFKA_LISTENER_NAME_INTERNAL_PLAIN_SASL_JAAS_CONFIG="$plain"
export KAFKA_LISTENER_NAME_INTERNAL_SCRAM___SHA___512_SASL_JAAS_CONFIG="$scram"
export KAFKA_LISTENER_NAME_EXTERNAL_SCRAM___SHA___512_SASL_JAAS_CONFIG="$scram"
exec /etc/kafka/docker/run
