// The sample application as a CDK stack: the same handlers, the same state machine, the same mapping templates.
const path = require("node:path");
const cdk = require("aws-cdk-lib");
const { aws_apigateway: apigateway, aws_iam: iam, aws_lambda: lambda, aws_stepfunctions: stepfunctions } = cdk;

const sample = process.env.SAMPLE; // the folder with sample_functions/ and workflows/

class Reports extends cdk.Stack {
  constructor(scope, id) {
    super(scope, id);
    const create = (name, more = {}) =>
      new lambda.Function(this, name, {
        runtime: lambda.Runtime.PYTHON_3_13,
        handler: "app.handler",
        timeout: cdk.Duration.seconds(60),
        code: lambda.Code.fromAsset(path.join(sample, "sample_functions", name.toLowerCase())),
        ...more,
      });
    const steps = Object.fromEntries(["Parse", "Calculate", "Summarise", "Notify"].map((name) => [name, create(name)]));

    const machine = new stepfunctions.StateMachine(this, "Processing", {
      definitionBody: stepfunctions.DefinitionBody.fromFile(path.join(sample, "workflows", "report_processing.asl.json")),
      definitionSubstitutions: {
        ...Object.fromEntries(Object.entries(steps).map(([name, step]) => [`${name}FunctionArn`, step.functionArn])),
        SenderAddress: "reports@example.com",
      },
    });
    Object.values(steps).forEach((step) => step.grantInvoke(machine));
    machine.addToRolePolicy(new iam.PolicyStatement({ actions: ["ses:SendEmail"], resources: ["*"] }));

    const submit = create("Submit", { environment: { STATE_MACHINE_ARN: machine.stateMachineArn } });
    machine.grantStartExecution(submit);

    const api = new apigateway.RestApi(this, "Api", { deployOptions: { stageName: "prod" } });
    const route = (status, requestParameters) => [
      new apigateway.LambdaIntegration(submit, {
        proxy: false,
        requestParameters,
        integrationResponses: [{ statusCode: status }],
      }),
      { methodResponses: [{ statusCode: status }] },
    ];
    const reports = api.root.addResource("reports");
    reports.addMethod("POST", ...route("202", { "integration.request.header.X-Amz-Invocation-Type": "'Event'" }));
    reports.addResource("sync").addMethod("POST", ...route("200"));

    new cdk.CfnOutput(this, "ApiId", { value: api.restApiId });
  }
}

new Reports(new cdk.App(), "Reports");
