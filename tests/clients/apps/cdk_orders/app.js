// A second application of the CDK: two stacks, an HTTP API, a queue with a dead-letter queue, a table, a bucket that
// tells a function, a rule, and a function whose result goes to a destination.
const path = require("node:path");
const cdk = require("aws-cdk-lib");
const {
  aws_apigatewayv2: apigateway, aws_apigatewayv2_integrations: integrations, aws_dynamodb: dynamodb,
  aws_events: events, aws_events_targets: targets, aws_lambda: lambda, aws_lambda_destinations: destinations,
  aws_lambda_event_sources: sources, aws_s3: s3, aws_s3_notifications: notifications, aws_sqs: sqs,
} = cdk;

class Storage extends cdk.Stack {
  constructor(scope, id) {
    super(scope, id);
    this.table = new dynamodb.TableV2(this, "Orders", {
      partitionKey: { name: "id", type: dynamodb.AttributeType.STRING },
      removalPolicy: cdk.RemovalPolicy.DESTROY,
    });
    this.jobs = new sqs.Queue(this, "Jobs", {
      visibilityTimeout: cdk.Duration.seconds(60),
      deadLetterQueue: { queue: new sqs.Queue(this, "Lost"), maxReceiveCount: 3 },
    });
  }
}

class Orders extends cdk.Stack {
  constructor(scope, id, { table, jobs }) {
    super(scope, id);
    const code = lambda.Code.fromAsset(path.join(__dirname, "functions"));
    const create = (name, more = {}) =>
      new lambda.Function(this, name, {
        runtime: lambda.Runtime.PYTHON_3_13,
        handler: `orders.${name.toLowerCase()}`,
        timeout: cdk.Duration.seconds(10),
        code,
        ...more,
      });

    const intake = create("Intake", { environment: { JOBS: jobs.queueUrl, TABLE: table.tableName } });
    jobs.grantSendMessages(intake);
    table.grantWriteData(intake);
    const api = new apigateway.HttpApi(this, "Api");
    const integration = new integrations.HttpLambdaIntegration("Intake", intake);
    api.addRoutes({ path: "/orders", methods: [apigateway.HttpMethod.POST], integration });

    const work = create("Work", { environment: { TABLE: table.tableName } });
    table.grantReadWriteData(work);
    work.addEventSource(new sources.SqsEventSource(jobs, { batchSize: 5, reportBatchItemFailures: true }));

    const mail = create("Mail");
    const count = create("Count", { onSuccess: new destinations.LambdaDestination(mail, { responseOnly: true }) });
    const files = new s3.Bucket(this, "Files", { removalPolicy: cdk.RemovalPolicy.DESTROY });
    files.grantRead(count);
    files.addEventNotification(s3.EventType.OBJECT_CREATED, new notifications.LambdaDestination(count));

    new events.Rule(this, "Hourly", {
      schedule: events.Schedule.rate(cdk.Duration.hours(1)),
      targets: [new targets.LambdaFunction(mail, { event: events.RuleTargetInput.fromObject({ subject: "An hour has passed" }) })],
    });

    new cdk.CfnOutput(this, "Url", { value: api.apiEndpoint });
    new cdk.CfnOutput(this, "FilesName", { value: files.bucketName });
  }
}

const app = new cdk.App();
new Orders(app, "Orders", new Storage(app, "Storage"));
