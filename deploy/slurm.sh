#!/usr/bin/env bash
# A study on nodes of a Slurm cluster: sbatch deploy/slurm.sh. The nodes share the folder that it is submitted from.
#SBATCH --job-name=study
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=4
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=B:USR1@300
#SBATCH --open-mode=append
set -euo pipefail
source .venv/bin/activate

# Ray listens on the network of the cluster: only who has this token may use it. The nodes share the home folder.
export RAY_AUTH_MODE=token
ray get-auth-token --generate > /dev/null
# The usual wait of half a minute is short for nodes that load Python from a shared folder.
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=600
export HF_HUB_OFFLINE=1

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
address=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | awk '{print $1}')
# Five minutes before the end, of which --requeue takes no notice; the job goes on with its study when it runs again.
trap 'scontrol requeue "$SLURM_JOB_ID"' USR1
# srun does not take over the cores of a task from sbatch. In the background, since bash waits for what is in front of a
# trap.
srun --cpus-per-task="$SLURM_CPUS_PER_TASK" \
    ray symmetric-run --address "$address:6379" --min-nodes "$SLURM_JOB_NUM_NODES" \
    --num-cpus "$SLURM_CPUS_PER_TASK" --num-gpus "$SLURM_GPUS_PER_NODE" \
    -- deploy/run_or_resume.sh studies "${STUDY:-mine}" --space dynamic_vs_static --model xlm-r-base \
    --train pairs.jsonl.gz --evaluate xquad-r --evaluate mlqa-r --gpus-per-worker 1 &
wait $!
