#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The Azure CLI with nothing but an address and a service principal: register the cloud, log in, list what there is.
set -euo pipefail

home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
export AZURE_CONFIG_DIR=$home AZURE_CORE_COLLECT_TELEMETRY=false AZURE_CORE_ONLY_SHOW_ERRORS=true AZURE_CORE_OUTPUT=tsv
# `az` itself is the package's program; its commands are asked for by name and never installed while they run.
export AZURE_EXTENSION_USE_DYNAMIC_INSTALL=no

# says WANTED COMMAND ...: fails where the command does, or where no line of what it prints is the text. What is shown of
# the command ends with its second word: one of them has a secret.
says() {
  local wanted=$1 shown="az $2 $3" said
  shift
  said=$(az "$@") || { echo "$shown failed" >&2; exit 1; }
  grep -qxF -- "$wanted" <<<"$said" || { echo "$shown does not say $wanted but: $said" >&2; exit 1; }
  echo "$shown: $wanted is one of $(wc -l <<<"$said")"
}

az cloud register --name Rehearsal --endpoint-resource-manager "$AZURE_RESOURCE_MANAGER_ENDPOINT"
az cloud set --name Rehearsal
says "$AZURE_AUTHORITY_HOST/" cloud show --query endpoints.activeDirectory
says "$AZURE_SUBSCRIPTION_ID" login --query '[].id' --service-principal --username "$AZURE_CLIENT_ID" --password "$AZURE_CLIENT_SECRET" --tenant "$AZURE_TENANT_ID"
says "$AZURE_SUBSCRIPTION_ID" account list --refresh --query '[].id'
says "$AZURE_TENANT_ID" account show --query tenantId
says Bearer account get-access-token --query tokenType
says westeurope account list-locations --query '[].name'
says "$ASR_RESOURCE_GROUP" group list --query '[].name'
says true group exists --name "$ASR_RESOURCE_GROUP"
says false group exists --name nobodys
says Microsoft.RecoveryServices provider list --query '[].namespace'
says Registered provider show --namespace Microsoft.RecoveryServices --query registrationState
says "$ASR_VAULT" resource list --resource-type Microsoft.RecoveryServices/vaults --query '[].name'
says "$ASR_VAULT" resource show --resource-group "$ASR_RESOURCE_GROUP" --name "$ASR_VAULT" --resource-type Microsoft.RecoveryServices/vaults --query name
az deployment group list --resource-group "$ASR_RESOURCE_GROUP"
vault=$AZURE_RESOURCE_MANAGER_ENDPOINT/subscriptions/$AZURE_SUBSCRIPTION_ID/resourceGroups/$ASR_RESOURCE_GROUP/providers/Microsoft.RecoveryServices/vaults/$ASR_VAULT
says files-01 rest --method get --url "$vault/replicationProtectedItems?api-version=2025-08-01&\$filter=instanceType eq 'InMageAzureV2'" --query 'value[].properties.friendlyName'
